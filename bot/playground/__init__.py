"""Microsoft's Agents Playground: Teams on your own machine, for the demo and the tests."""
