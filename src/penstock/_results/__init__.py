"""Values of runs on disk: serializers, the result store, fingerprints and cache policies."""
