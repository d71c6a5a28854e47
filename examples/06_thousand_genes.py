"""A thousand genes at once: which of them does a treatment change?

    python examples/06_thousand_genes.py            # 1,000 genes
    python examples/06_thousand_genes.py --small    # 60

Ten cells of each of 16 donors are counted, half of them treated. Cells of a donor are alike, so
each gene is a mixed model with the donor as group; counts are negative binomial, and the offset is
the logarithm of a cell's library size. The counts are simulated, so it is known which genes are
changed. The last gene is expressed nowhere.
"""

import argparse
import tempfile

import numpy as np
import pandas as pd

import glmmjax as gj

DONORS, CELLS, SHARE, EFFECT = 16, 10, 0.1, 0.7


def experiment(
    genes: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """A table of the cells, the counts (a column a gene), and which genes are changed."""
    donor = np.repeat(np.arange(DONORS), CELLS)
    cells = pd.DataFrame({"donor": donor, "treated": np.tile([0, 1], len(donor) // 2)})
    cells["library"] = rng.lognormal(9.0, 0.3, len(cells)).round()
    changed = np.arange(genes) < SHARE * genes
    base = rng.normal(-7.5, 1.0, genes)
    effect = np.where(changed, rng.choice([-EFFECT, EFFECT], genes), 0.0)
    donors = rng.normal(0, 0.4, (DONORS, genes))[donor]
    log_mean = (
        base
        + np.outer(cells["treated"], effect)
        + donors
        + np.log(cells["library"].to_numpy())[:, None]
    )
    dispersion = 0.4  # variance mu + 0.4 mu^2
    counts = rng.poisson(rng.gamma(1 / dispersion, dispersion * np.exp(log_mean)))
    return cells, pd.DataFrame(counts, columns=[f"gene{k}" for k in range(genes)]), changed


def main(genes: int, folder: str) -> None:
    cells, counts, changed = experiment(genes, np.random.default_rng(1))
    counts.iloc[:, -1] = 0

    # The formula has no response: the model is a design that every gene shares. gj.fit_many also
    # takes a sequence of models, and gj.fit_by fits one to each level of a column.
    model = gj.glmm("~ treated + (1 | donor) + offset(np.log(library))", cells, "nbinom2")

    # Finished chunks are written to the folder: after a crash the same call goes on where it was.
    batch = gj.fit_many(model, counts, checkpoint=folder)

    # A member that fails has a status and NaN, and leaves the bits of the others as they are.
    print(batch.counts(), "\n")
    print(batch[-1].status, "\n")

    results = batch.to_frame().query("term == 'treated'").set_index("member")
    columns = ["estimate", "std_error", "p_value", "p_adjusted"]
    print(results.nsmallest(10, "p_value")[columns].to_string(), "\n")
    found = (results["p_adjusted"] < 0.05).to_numpy()
    print(f"Found at a false discovery rate of 5 %: {found.sum()} genes.")
    print(
        f"Of the {changed.sum()} that are changed {(found & changed).sum()}, of the others"
        f" {(found & ~changed).sum()}.\n"
    )

    # Any member is an ordinary fit.
    print(batch[0].summary())

    # Single precision, for cards that are slow in double: how far the estimates are off.
    single = gj.fit_many(model, counts.iloc[:, :60], precision="float32")
    off = (single.fixef - batch.fixef.iloc[:60]).abs() / batch.std_errors.iloc[:60]
    print(f"float32 moves estimates by at most {off.max(axis=None):.0e} standard errors.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--checkpoint", help="folder to keep; by default one that is deleted")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        main(60 if given.small else 1000, given.checkpoint or folder)
