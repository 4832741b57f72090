"""What answers a request: providers, local runtimes and the offline model behind one port."""
