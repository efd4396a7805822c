import Support

/// format.json of a run directory: by which version of the layout its files are to be read.
///
/// What the layout promises stands in the README ("The run directory"). Whoever changes a file's name, place, columns
/// or meaning counts `Version.runDirectory` up, and says here what becomes of older directories. Columns of an agent's
/// own may be added: a run that goes on stays without them.
package enum RunFormat {
  package static let fileName = "format.json"
  /// What the document calls itself.
  package static let name = "mbrl run directory"

  /// The document of this program.
  package static var text: String {
    let document: JSON = [
      "format": .string(name), "version": .integer(Version.runDirectory), "program": .string("mbrl \(Version.program)"),
    ]
    return document.prettyText
  }

  /// Refuses a directory of another version. One without the file is of version 1, from before there was one.
  package static func check(_ directory: String) throws(ExperimentError) {
    let path = "\(directory)/\(fileName)"
    guard FileSystem.kind(of: path) != nil else { return }
    let document = try rethrow(JSONParser.read(path)) { (error: JSONFileError) in
      ExperimentError.checkpoint(path: directory, reason: "its format cannot be told: \(error)")
    }
    guard let object = document.object, object["format"]?.string == name, let version = object["version"]?.integer
    else { throw .checkpoint(path: directory, reason: "\(fileName) is not that of a run of this program") }
    guard version == Version.runDirectory else {
      throw .checkpoint(
        path: directory,
        reason: "a run directory of version \(version), made by \(object["program"]?.string ?? "another program"); "
          + "mbrl \(Version.program) works on version \(Version.runDirectory). Use that program for it, or start a new "
          + "run with --resume never or another --out")
    }
  }

  /// Writes the document where it is missing.
  package static func complete(_ directory: String) throws(FileError) {
    let path = "\(directory)/\(fileName)"
    if FileSystem.kind(of: path) == nil { try FileSystem.writeAtomically(text, to: path) }
  }
}
