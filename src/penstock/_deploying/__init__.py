"""Deployments: describing them, serving them with a runner, and asking for runs of them.

The public doors are `penstock.deployments`, `penstock.runner` and `penstock.schedules`.
"""
