"""The environment checker: is an environment sound to plan in?"""
