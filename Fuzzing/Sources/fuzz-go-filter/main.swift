import FuzzRun
import GoChecks

if let target = GoFuzz.target("go-filter") { FuzzRun.main(target.name, words: target.words, check: target.check) }
