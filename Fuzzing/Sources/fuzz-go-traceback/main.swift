import FuzzRun
import GoChecks

if let target = GoFuzz.target("go-traceback") { FuzzRun.main(target.name, words: target.words, check: target.check) }
