"""Coverage: how many items each subgroup has, against a population and against a need."""
