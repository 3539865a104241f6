import FuzzRun
import GoChecks

let target = GoFuzz.required("go-gzip")
FuzzRun.main(target.name, words: target.words, check: target.check)
