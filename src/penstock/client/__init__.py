"""What talks to the API. Reference page: advanced/api-client."""

__all__: list[str] = []
