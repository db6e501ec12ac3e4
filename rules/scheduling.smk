"""Snakemake's own time while many jobs are ready (benchmarks/scheduling.py)."""

# All that is felt of its default limit, 100 jobs per second, is its timers: each job that ends adds
# one more look per second at all jobs that are ready. Another limit (--max-jobs-per-timespan) stays.
DEFAULT_LIMIT = {"max_jobs": 100, "timespan": 1}


onstart:
    limit = workflow.scheduling_settings.max_jobs_per_timespan
    if limit and vars(limit) == DEFAULT_LIMIT:
        workflow.scheduler.job_rate_limiter = None
