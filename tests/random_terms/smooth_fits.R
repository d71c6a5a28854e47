# Rscript smooth_fits.R, in a folder with smooths.csv (python smooth_data.py writes it): mgcv's fits.
suppressMessages({library(mgcv); library(jsonlite)})
d <- read.csv("smooths.csv", stringsAsFactors = TRUE)
new <- data.frame(x = c(-1.2, -0.5, 0.1, 1.3, 2.2, 3.4), f = factor(rep(c("a", "b"), 3)))
tight <- gam.control(epsilon = 1e-12, maxit = 500, newton = list(conv.tol = 1e-11, maxNstep = 5))
one <- function(formula, family, method) {
  fit <- gam(as.formula(formula), family, d, method = method, control = tight)
  p <- predict(fit, new, se.fit = TRUE)
  list(formula = formula, method = method, fitted = unname(as.numeric(fitted(fit))), sigma = sqrt(fit$scale),
       # lambda: of the integral of the squared second derivative by x, without mgcv's rescaling of the penalty
       lambda = unname(fit$sp / sapply(fit$smooth, function(s) s$S.scale)), score = as.numeric(fit$gcv.ubre),
       knots = unname(fit$smooth[[1]]$xp), new = unname(as.numeric(p$fit)), new_se = unname(as.numeric(p$se.fit)))
}
out <- list(program = paste("mgcv", packageVersion("mgcv"), R.version.string), command = "Rscript smooth_fits.R",
            x = new$x, f = as.character(new$f), fits = list(
  gaussian = one('y ~ s(x, bs = "cr", k = 10)', gaussian(), "REML"),
  by = one('two ~ f + s(x, bs = "cr", k = 8, by = f)', gaussian(), "REML"),
  poisson = one('count ~ s(x, bs = "cr", k = 10)', poisson(), "ML")))
write(toJSON(out, digits = 12, auto_unbox = TRUE), "smooth_fits.json")
