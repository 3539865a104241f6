import FuzzRun
import GoChecks

let target = GoFuzz.required("go-traceback")
FuzzRun.main(target.name, words: target.words, check: target.check)
