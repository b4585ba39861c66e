// The one function that is used: @types/papaparse brings all of Node's types with it.
declare module 'papaparse' {
  interface ParseError {
    type: 'Quotes' | 'Delimiter' | 'FieldMismatch'
    message: string
    row?: number
  }
  const Papa: { parse<T>(text: string, options: { delimiter: string; newline: string }): { data: T[]; errors: ParseError[] } }
  export default Papa
}
