// Settings on the pages of methods are shown as their source, unfolded.
document.querySelectorAll("details.mkdocstrings-source").forEach((details) => { details.open = true; });
