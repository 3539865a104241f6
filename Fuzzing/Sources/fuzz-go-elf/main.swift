import FuzzRun
import GoChecks

let target = GoFuzz.required("go-elf")
FuzzRun.main(target.name, words: target.words, check: target.check)
