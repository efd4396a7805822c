/// The kinds of a thing that a setting "type" can name: agents, models, planners.
package protocol Family {
  /// What all kinds' settings are, mostly `any SomeConfiguration`.
  associatedtype Settings: Sendable
  /// What "type" decides, for the help of that setting.
  static var meaning: String { get }
  /// Every kind; the first one is the default.
  static var entries: [Entry<Settings>] { get }
  /// `settings.declare(fields)`: an existential does not conform to `Configurable`, so the family says it.
  static func declare(_ settings: inout Settings, _ fields: Fields)
}

/// One kind of a family.
package struct Entry<Settings: Sendable>: Sendable {
  /// "pets": the value of "type".
  package let name: String
  /// One line for `mbrl list`.
  package let summary: String
  /// The kind's settings at their defaults.
  package let preset: @Sendable () -> Settings

  package init(_ name: String, _ summary: String, _ preset: @escaping @Sendable () -> Settings) {
    (self.name, self.summary, self.preset) = (name, summary, preset)
  }
}

/// A "type" and the settings that it decides.
///
/// The settings are replaced only where the type changes, so that what an agent presets for one of its parts survives a
/// file that does not mention the part's type.
package struct Variant<Kind: Family>: Configurable {
  package private(set) var type: String
  package var settings: Kind.Settings

  /// The family's first kind.
  package init() { self.init(Kind.entries[0].name) }

  /// The kind of that name; a name that the family lacks is a programmer's error.
  package init(_ type: String) {
    guard let entry = Kind.entries.first(where: { $0.name == type }) else { preconditionFailure("no type \(type)") }
    self.type = type
    settings = entry.preset()
  }

  /// A kind with settings of its own.
  package init(_ type: String, _ settings: Kind.Settings) { (self.type, self.settings) = (type, settings) }

  package mutating func declare(_ fields: Fields) { declare(fields, common: {}) }

  /// Declares "type", then `common`, then what the type decides. A misspelt type is one fault: what the other keys mean
  /// is unknown then.
  package mutating func declare(_ fields: Fields, common: () -> Void) {
    let isKnown = declareType(fields)
    common()
    if isKnown { Kind.declare(&settings, fields) } else { fields.tolerateUnknownKeys() }
  }

  /// Declares "type" alone; false where something else stands there.
  package mutating func declareType(_ fields: Fields) -> Bool {
    var chosen = type
    let isKnown = fields.choice("type", &chosen, from: Kind.entries.map(\.name), Kind.meaning)
    if chosen != type { self = Variant(chosen) }
    fields.distinguish("type", type, owners: { Variant.types(declaring: $0) })
    return isKnown
  }

  /// The kinds that declare a setting of that name.
  private static func types(declaring name: String) -> [String] {
    Kind.entries.filter { entry in
      let fields = Fields()
      var settings = entry.preset()
      Kind.declare(&settings, fields)
      return fields.declares(name)
    }.map(\.name)
  }
}
