"""The collector: what customers and providers tell us over HTTP; the only part that strangers can reach."""
