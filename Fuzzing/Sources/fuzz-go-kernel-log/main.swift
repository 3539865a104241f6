import FuzzRun
import GoChecks

let target = GoFuzz.required("go-kernel-log")
FuzzRun.main(target.name, words: target.words, check: target.check)
