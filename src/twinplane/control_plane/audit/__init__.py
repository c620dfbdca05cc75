"""The record of what people and jobs did, chained so that a change is found, joined with the data plane's own."""
