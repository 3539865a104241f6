import FuzzRun
import GoChecks

if let target = GoFuzz.target("go-profile-text") { FuzzRun.main(target.name, words: target.words, check: target.check) }
