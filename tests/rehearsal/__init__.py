"""The paper's config, run whole on stand-ins of everything it fetches: `make rehearse`."""
