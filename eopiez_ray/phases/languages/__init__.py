"""What depends on the language of a text: where its words are, and which language it is."""
