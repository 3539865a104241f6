import FuzzRun
import GoChecks

if let target = GoFuzz.target("go-endpoint") { FuzzRun.main(target.name, words: target.words, check: target.check) }
