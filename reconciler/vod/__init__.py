"""The VOD API: calls, retries, rate limits, transport, signatures, schemas."""
