"""Likelihoods by dense algebra, from the covariance of what the random effects add to the rows."""

import numpy as np
from scipy.special import gammaln
from scipy.stats import multivariate_normal


def exact(y, x, v, beta):
    """Log density of a normal `y` with covariance `v`."""
    return multivariate_normal.logpdf(y, x @ beta, v)


def restricted(y, x, v):
    """Its restricted log-likelihood, beta integrated out."""
    vx = np.linalg.solve(v, x)
    beta = np.linalg.solve(x.T @ vx, vx.T @ y)
    r, (n, p) = y - x @ beta, x.shape
    logdets = np.linalg.slogdet(v)[1] + np.linalg.slogdet(x.T @ vx)[1]
    return -0.5 * ((n - p) * np.log(2 * np.pi) + logdets + r @ np.linalg.solve(v, r))


def mode(y, eta, m):
    """What the random effects add to the rows at their conditional mode, `m @ alpha`, of counts
    with the log link."""
    alpha = np.zeros(len(y))
    for _ in range(100):
        mu = np.exp(eta + m @ alpha)
        # Newton: (m^-1 + W) step = y - mu - m^-1 (m alpha), all without the inverse of m, which may
        # be singular.
        step = np.linalg.solve(np.eye(len(y)) + mu[:, None] * m, y - mu - alpha)
        alpha = alpha + step
        if np.abs(step).max() < 1e-13:
            return alpha
    raise AssertionError("no mode")


def laplace(y, eta, m):
    """Laplace's approximation of the log-likelihood of counts with the log link."""
    alpha = mode(y, eta, m)
    total = eta + m @ alpha
    joint = (y * total - np.exp(total) - gammaln(y + 1)).sum() - 0.5 * alpha @ m @ alpha
    return joint - 0.5 * np.linalg.slogdet(np.eye(len(y)) + np.exp(total)[:, None] * m)[1]
