import FuzzRun
import WireChecks

FuzzRun.main("request", words: WireChecks.words, check: WireChecks.request)
