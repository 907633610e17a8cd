"""One model for each group of a table: thousands of groups, many processes, one folder."""
