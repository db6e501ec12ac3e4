"""Results that were run elsewhere."""


rule merged:
    """Target: tables and figures of merged results, all but Table 4, whose costs are one machine's."""
    input:
        [table for table in rules.tables.input if Path(table).stem != "table4"],
        rules.figures.input,
