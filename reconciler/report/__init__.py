"""Documents to text: every renderer takes a document and returns a str."""
