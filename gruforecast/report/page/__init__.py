"""The report as one HTML page that opens anywhere: figures, words, template, and the little script that draws."""
