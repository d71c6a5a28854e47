# Rscript survreg_fits.R: times of which some are censored in each way, and survreg's fits without random effects.
suppressMessages({library(survival); library(jsonlite)})
set.seed(11)
n <- 300; x <- round(rnorm(n), 4)
t <- round(exp(1 + 0.5 * x + 0.7 * log(rexp(n))), 5)
kind <- sample(c("none", "right", "left", "interval"), n, TRUE, c(0.5, 0.2, 0.1, 0.2))
y <- round(ifelse(kind == "right", t * 0.7, ifelse(kind == "left", t * 1.4, ifelse(kind == "interval", t * 0.8, t))), 5)
upper <- round(ifelse(kind == "interval", t * 1.5, y), 5)
low <- ifelse(kind == "left", NA, y); high <- ifelse(kind == "right", NA, upper)
one <- function(dist, low, high) {
  fit <- survreg(Surv(low, high, type = "interval2") ~ x, dist = dist, control = list(rel.tolerance = 1e-13, maxiter = 200))
  list(loglik = fit$loglik[2], beta = unname(coef(fit)), scale = fit$scale, se = unname(sqrt(diag(vcov(fit)))[1:2]))
}
out <- list(program = paste("survival", packageVersion("survival"), R.version.string), command = "Rscript survreg_fits.R",
            x = x, y = y, upper = upper, status = kind, fits = list(
  weibull = one("weibull", low, high), censored_lognormal = one("lognormal", low, high),
  censored_gaussian = one("gaussian", low, high)))
write(toJSON(out, digits = 12, auto_unbox = TRUE), "survreg_fits.json")
