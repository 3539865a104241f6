import X509
import ArgumentParser
print("sluice")
