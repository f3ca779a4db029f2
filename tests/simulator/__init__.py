"""A second model of service and CDN, with an oracle that judges the tool. It shares no code with it."""
