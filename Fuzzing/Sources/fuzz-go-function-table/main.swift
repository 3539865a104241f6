import FuzzRun
import GoChecks

let target = GoFuzz.required("go-function-table")
FuzzRun.main(target.name, words: target.words, check: target.check)
