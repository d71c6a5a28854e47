# Makes answers.json: Rscript answers.R (R 4.2.2 with lme4, lmerTest, pbkrtest, car, emmeans, performance, jsonlite of Debian 12).
suppressMessages({library(lme4); library(lmerTest); library(pbkrtest); library(car); library(emmeans); library(performance)})
control <- glmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e6, rhoend = 1e-9), tolPwrss = 1e-12)
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e6, rhoend = 1e-9))
cbpp <- transform(read.csv("cbpp.csv"), period = factor(period), herd = factor(herd))
epil <- transform(read.csv("epil.csv"), subject = factor(subject), trt = factor(trt))
sleep <- transform(read.csv("sleepstudy.csv"), Subject = factor(Subject))
sleep$late <- factor(ifelse(sleep$Days > 6, "late", ifelse(sleep$Days > 2, "middle", "early")), levels = c("early", "middle", "late"))
uneven <- sleep[seq_len(nrow(sleep)) %% 7 != 0 & !(sleep$Subject == "308" & sleep$Days > 3), ]
penicillin <- transform(read.csv("penicillin.csv"), plate = factor(plate), sample = factor(sample))
penicillin$early <- as.numeric(as.integer(penicillin$plate) <= 9)
uneven2 <- penicillin[seq_len(nrow(penicillin)) %% 5 != 0, ]

fits <- list(
  cbpp = glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial, control = control),
  epil = glmer(y ~ lbase4 * trt + lage + V4 + (1 | subject), epil, poisson, control = control),
  sleepstudy = lmer(Reaction ~ Days + (Days | Subject), sleep, control = tight),
  uneven = lmer(Reaction ~ late + Days + (Days | Subject), uneven, control = tight),
  crossed = lmer(diameter ~ early + (1 | plate) + (1 | sample), uneven2, control = tight))

tests <- function(table) list(term = rownames(table), values = lapply(as.list(as.data.frame(table)), as.numeric))
anova_of <- function(fit, ...) tests(Anova(fit, ...))
out <- list()
out$car <- list(
  cbpp_2 = anova_of(fits$cbpp, type = 2), epil_2 = anova_of(fits$epil, type = 2), epil_3 = anova_of(fits$epil, type = 3),
  uneven_2 = anova_of(fits$uneven, type = 2), uneven_3_kr = anova_of(fits$uneven, type = 3, test.statistic = "F"))
for (name in c("uneven", "crossed")) {
  out$lmerTest[[name]] <- list(
    satterthwaite = tests(coef(summary(fits[[name]], ddf = "Satterthwaite"))),
    kenward_roger = tests(coef(summary(fits[[name]], ddf = "Kenward-Roger"))),
    anova_3_satterthwaite = tests(anova(fits[[name]], type = 3, ddf = "Satterthwaite")),
    anova_3_kenward_roger = tests(anova(fits[[name]], type = 3, ddf = "Kenward-Roger")))
}
frame <- function(x) lapply(as.list(as.data.frame(x)), function(v) if (is.factor(v)) as.character(v) else v)
by_period <- emmeans(fits$cbpp, "period")
by_trt <- emmeans(fits$epil, "trt", by = "V4", at = list(V4 = c(0, 1)))
by_late <- emmeans(fits$uneven, "late", lmer.df = "satterthwaite")
out$emmeans <- list(
  cbpp = frame(summary(by_period, infer = c(TRUE, FALSE))),
  cbpp_response = frame(summary(by_period, infer = c(TRUE, FALSE), type = "response")),
  cbpp_tukey = frame(summary(pairs(by_period, adjust = "tukey"))),
  cbpp_holm = frame(summary(pairs(by_period, adjust = "holm"))),
  epil = frame(summary(by_trt, infer = c(TRUE, FALSE))),
  epil_pairs_response = frame(summary(pairs(by_trt), type = "response")),
  uneven = frame(summary(by_late, infer = c(TRUE, FALSE))),
  uneven_tukey = frame(summary(pairs(by_late, adjust = "tukey"))))
for (name in c("cbpp", "epil", "sleepstudy", "crossed")) {
  r2 <- r2_nakagawa(fits[[name]]); icc <- performance::icc(fits[[name]])
  out$performance[[name]] <- list(r2_conditional = unname(r2$R2_conditional), r2_marginal = unname(r2$R2_marginal),
                                  icc_adjusted = icc$ICC_adjusted, icc_unadjusted = icc$ICC_unadjusted)
}
out$versions <- sapply(c("lme4", "lmerTest", "pbkrtest", "car", "emmeans", "performance"), function(p) as.character(packageVersion(p)))
writeLines(jsonlite::toJSON(out, digits = NA, auto_unbox = TRUE, pretty = TRUE), "answers.json")
