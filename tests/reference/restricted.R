# Makes restricted.json: Rscript restricted.R (R 4.2.2 with glmmTMB 1.1.5, jsonlite of Debian 12): REML = TRUE.
suppressMessages({library(glmmTMB); library(jsonlite)})
tight <- glmmTMBControl(optCtrl = list(iter.max = 1e4, eval.max = 1e4, rel.tol = 1e-14, x.tol = 1e-12))
levels <- fromJSON("fits.json", simplifyVector = TRUE)
data_of <- function(case) {
  own <- levels[[case]]
  data <- read.csv(own$data)
  for (name in names(own$levels)) data[[name]] <- factor(data[[name]], levels = own$levels[[name]])
  data
}
fit <- function(case, formula, family, ...) glmmTMB(formula, data_of(case), family = family, REML = TRUE, control = tight, ...)
fits <- list(
  cbpp = fit("cbpp", cbind(incidence, size - incidence) ~ period + (1 | herd), binomial),
  contraception_slope = fit("contraception_slope", use ~ age + I(age^2) + urban + livch + (urban | district), binomial),
  epil_nb2 = fit("epil_nb2", y ~ lbase4 * trt + lage + V4 + (1 | subject), nbinom2),
  sim_gamma = fit("sim_gamma", y ~ x + (1 | g), Gamma("log")),
  grouseticks = fit("grouseticks", TICKS ~ YEAR + cHEIGHT + (1 | BROOD) + (1 | INDEX) + (1 | LOCATION), poisson),
  salamanders_zip = fit("salamanders_zip", count ~ spp * mined + (1 | site), poisson, ziformula = ~ spp + mined),
  sleepstudy_disp = fit("sleepstudy", Reaction ~ Days + (Days | Subject), gaussian, dispformula = ~ Days))
out <- lapply(fits, function(f) list(
  loglik = as.numeric(logLik(f)), beta = as.numeric(fixef(f)$cond), se = as.numeric(sqrt(diag(vcov(f)$cond))),
  zi_beta = as.numeric(fixef(f)$zi), disp_beta = as.numeric(fixef(f)$disp),
  sd = as.numeric(unlist(lapply(VarCorr(f)$cond, attr, "stddev"))), sigma = sigma(f)))
write(toJSON(out, digits = I(12), auto_unbox = TRUE, null = "null"), "restricted.json")
