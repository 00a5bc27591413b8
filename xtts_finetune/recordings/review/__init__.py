"""What a person says of the stretches: decisions in review.jsonl, and the page that takes them."""
