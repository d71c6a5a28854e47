"""What a single fit shows of a table of members: its only row, without a label."""

import pandas as pd


def alone(table: pd.DataFrame) -> pd.DataFrame:
    """The same rows without the level or the column `member`."""
    if "member" in table.columns:
        return table.drop(columns="member")
    return table.droplevel("member")


def only_row(table: pd.DataFrame, name: str) -> pd.Series:
    """The numbers of the only member by the names of the columns."""
    return table.iloc[0].rename(name)
