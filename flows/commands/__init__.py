"""The commands of the command line, a file a panel; the first steps stand in `flows.cli`."""
