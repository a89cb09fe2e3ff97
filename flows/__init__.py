"""What runs when: the pipeline, DVC's graph, MLflow's runs, servers and the command line."""
