# Rscript ordbeta_fit.R: data with both ends, and glmmTMB's fit of them.
suppressMessages({library(glmmTMB); library(jsonlite)})
set.seed(4)
n <- 400; g <- rep(1:40, each = 10); x <- round(rnorm(n), 4)
eta <- 0.4 + 0.7 * x + 0.6 * rnorm(40)[g]
mu <- plogis(eta); phi <- 6; lower <- -1.5; upper <- 1.8; u <- runif(n)
y <- ifelse(u < plogis(lower - eta), 0, ifelse(u > 1 - plogis(eta - upper), 1, rbeta(n, mu * phi, (1 - mu) * phi)))
y <- ifelse(y > 0 & y < 1, pmin(pmax(round(y, 6), 1e-6), 1 - 1e-6), y)
d <- data.frame(y, x, g = factor(g))
tight <- glmmTMBControl(optCtrl = list(rel.tol = 1e-14, x.tol = 1e-12, iter.max = 1000, eval.max = 1000))
fit <- glmmTMB(y ~ x + (1 | g), d, family = ordbeta(), start = list(psi = c(-1, 1)), control = tight)
p <- fit$fit$par
out <- list(program = paste("glmmTMB", packageVersion("glmmTMB"), R.version.string), command = "Rscript ordbeta_fit.R",
            y = y, x = x, g = g, loglik = as.numeric(logLik(fit)), beta = unname(p[1:2]),
            se = unname(sqrt(diag(vcov(fit)$cond))), phi = unname(exp(p["betad"])), sd = unname(exp(p["theta"])),
            cutpoints = unname(p[names(p) == "psi"]))
write(toJSON(out, digits = 12, auto_unbox = TRUE), "ordbeta_fit.json")
