"""What the book's pages say, composed from numbers: one file a chapter, functions to text and to tables of text."""
