import FuzzRun
import GoChecks

let target = GoFuzz.required("go-gclog")
FuzzRun.main(target.name, words: target.words, check: target.check)
