"""What a chapter finds, in numbers: frames of finished runs in, frames of results out; a file a chapter."""
