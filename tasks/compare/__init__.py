"""Which strategies help, which do nothing and which hurt: paired statistics, verdicts, leaderboard, report.

Strategies are ranked and judged on out-of-fold predictions. The held-out test part is then scored for the baseline and
the recommended strategy only, and every such look is logged in the workspace's own state.
"""
