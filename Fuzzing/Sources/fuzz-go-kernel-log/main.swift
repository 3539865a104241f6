import FuzzRun
import GoChecks

if let target = GoFuzz.target("go-kernel-log") { FuzzRun.main(target.name, words: target.words, check: target.check) }
