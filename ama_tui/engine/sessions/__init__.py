"""Gasless sessions: found or made at the start, renewed while the run goes on, ended when they are not needed."""
