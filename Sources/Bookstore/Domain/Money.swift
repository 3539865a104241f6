/// A currency of ISO 4217 that the shop sells in.
enum Currency: String, Sendable, CaseIterable {
  case eur = "EUR"
  case usd = "USD"
  case gbp = "GBP"
  case chf = "CHF"
  case jpy = "JPY"

  /// How many digits of a minor unit there are: cents have two, yen none.
  var minorDigits: Int { self == .jpy ? 0 : 2 }
}

/// An amount in the minor unit of its currency: 1 299 EUR is 12.99 €.
///
/// Whole numbers, because binary fractions do not add up to what is on the bill; with the currency, because an amount
/// without one is not an amount. Sums that do not fit are refused, never wrapped.
struct Money: Hashable, Sendable, CustomStringConvertible {
  let minorUnits: Int64
  let currency: Currency

  /// The highest price of one copy, in minor units.
  static let priceMax: Int64 = 1_000_000_00

  /// A price: from 1 to `priceMax` minor units.
  static func price(_ minorUnits: Int64, _ currency: Currency) throws(Refusal) -> Money {
    guard (1...priceMax).contains(minorUnits) else {
      throw .invalid([FieldMistake("/price/amount", "is \(minorUnits); expected 1 to \(priceMax) minor units")])
    }
    return Money(minorUnits: minorUnits, currency: currency)
  }

  /// Nil when currencies differ or the sum does not fit.
  func adding(_ other: Money) -> Money? {
    guard other.currency == currency else { return nil }
    let (sum, overflows) = minorUnits.addingReportingOverflow(other.minorUnits)
    return overflows ? nil : Money(minorUnits: sum, currency: currency)
  }

  /// Nil when the product does not fit.
  func times(_ count: Int) -> Money? {
    let (product, overflows) = minorUnits.multipliedReportingOverflow(by: Int64(count))
    return overflows ? nil : Money(minorUnits: product, currency: currency)
  }

  /// `12.99 EUR`.
  var description: String {
    let digits = currency.minorDigits
    guard digits > 0 else { return "\(minorUnits) \(currency.rawValue)" }
    let sign = minorUnits < 0 ? "-" : ""
    let (whole, part) = minorUnits.magnitude.quotientAndRemainder(dividingBy: 100)
    return "\(sign)\(whole).\(part < 10 ? "0" : "")\(part) \(currency.rawValue)"
  }
}
