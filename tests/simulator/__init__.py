"""A second model of service and CDN, with an oracle that judges what the tool did. It shares no code with the tool."""
