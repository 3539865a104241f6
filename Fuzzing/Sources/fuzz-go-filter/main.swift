import FuzzRun
import GoChecks

let target = GoFuzz.required("go-filter")
FuzzRun.main(target.name, words: target.words, check: target.check)
