"""GitHub's GraphQL API over the world. Imported with the first query: its library takes memory that REST alone does not need."""
