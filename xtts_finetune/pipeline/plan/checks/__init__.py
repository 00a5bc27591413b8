"""What is looked at before hours are spent: one file a check, each without torch unless its name says so."""
