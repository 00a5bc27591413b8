"""The processes that train one phase together: started, joined, watched; what they say to each other."""
