# Rscript covariance_fits.R, in a folder with covariances.csv (python covariance_data.py writes it): glmmTMB's fits.
suppressMessages({library(glmmTMB); library(jsonlite)})
d <- read.csv("covariances.csv", stringsAsFactors = TRUE)
d$place <- numFactor(d$east, d$north)
d$time <- numFactor(d$when)
d$step <- factor(d$t)
formulas <- c(us = "columns ~ x + us(1 + z | g)", diag = "columns ~ x + diag(1 + z | g)",
              cs = "columns ~ x + cs(0 + f | g)", rr = "columns ~ x + rr(0 + f | g, d = 1)",
              ar1 = "series ~ x + ar1(0 + step | g)", toep = "series ~ x + toep(0 + step | g)",
              ou = "series ~ x + ou(0 + time | g)", exp = "map ~ x + exp(0 + place | g)",
              mat = "map ~ x + mat(0 + place | g)")
tight <- glmmTMBControl(optCtrl = list(rel.tol = 1e-13, eval.max = 5000, iter.max = 5000))
one <- function(formula) {
  fit <- glmmTMB(as.formula(formula), d, control = tight)
  v <- VarCorr(fit)$cond[[1]]
  list(formula = formula, loglik = as.numeric(logLik(fit)), beta = unname(fixef(fit)$cond),
       se = unname(sqrt(diag(vcov(fit)$cond))), sigma = sigma(fit), sd = unname(attr(v, "stddev")),
       corr = unname(attr(v, "correlation")), theta = unname(fit$fit$par[names(fit$fit$par) == "theta"]),
       gradient = max(abs(fit$sdr$gradient.fixed)))
}
out <- list(program = paste("glmmTMB", packageVersion("glmmTMB"), R.version.string),
            command = "Rscript covariance_fits.R", fits = lapply(formulas, one))
write(toJSON(out, digits = 12, auto_unbox = TRUE, pretty = FALSE), "covariance_fits.json")
